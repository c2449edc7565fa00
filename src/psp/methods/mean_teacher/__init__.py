"""PSP Learning on several modalities with an EMA teacher, label spreading and a noisy-label filter."""

from psp.methods.mean_teacher.method import MeanTeacherConfig, PSPMeanTeacher

__all__ = ["MeanTeacherConfig", "PSPMeanTeacher"]
